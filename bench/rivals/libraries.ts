/** All contenders by the names that the table gives them. */
import type { Library } from "./contender.ts";
import { openHandWritten } from "./hand_written.ts";
import { openJax } from "./jax.ts";
import { openOnnxRuntime } from "./onnxruntime.ts";
import { openSurprisal } from "./surprisal.ts";
import { openTensorFlow } from "./tensorflow.ts";

/** The loops' name. */
export const LOOPS = "hand-written loops";

/** Our name. */
export const OURS = "surprisal";

/** How each is loaded, for a number of threads. */
export const LIBRARIES: Readonly<Record<string, (threads: number) => Library | Promise<Library>>> = {
  [LOOPS]: openHandWritten,
  "onnxruntime-web": openOnnxRuntime,
  "TensorFlow.js": openTensorFlow,
  "jax-js": openJax,
  [OURS]: openSurprisal,
};
