// fourtuple/http: an HTTP/1.1 server on any listener and a fetch over any network, in every runtime.
export { type FetchOptions, fetchOver, type NetworkFetch } from "./fetch-over.ts";
export { type FileResponseOptions, fileResponse } from "./file-response.ts";
export type { HeadersLike } from "./headers.ts";
export { HttpError } from "./http-error.ts";
export { type HttpResponseInit, httpResponse } from "./http-response.ts";
export {
  type Handler,
  type HandlerInfo,
  type ResponseLike,
  type ServeLimits,
  type ServeOptions,
  serveLimits,
} from "./serve-options.ts";
export { type HttpServer, type ServerCounters, serve } from "./server.ts";
