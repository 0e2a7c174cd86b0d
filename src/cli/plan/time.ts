/** How long a method takes on a device. */
import { type Device, type Method, methodWork, type Roofline, roofline } from "../../cost/mod.ts";
import type { Sizes } from "./question.ts";

/** A method under a device's roofline. */
export function timeOf(method: Method, head: Sizes, device: Device): Roofline {
  return roofline({ ...methodWork(method, head), dtype: head.dtype }, device);
}
