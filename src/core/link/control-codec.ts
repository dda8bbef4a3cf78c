// placeholder until the codec below is written
export type ControlValue = null | boolean | number | string | Uint8Array<ArrayBuffer> | ControlValue[] | { [key: string]: ControlValue };
export interface ControlMessage { [key: string]: ControlValue }
