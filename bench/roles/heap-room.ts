// Loaded before every role: what fourtuple's own programs begin with, alike for all contenders.

import { keepHeapRoom } from "../../src/adapters/node/heap-room.ts";

keepHeapRoom();
