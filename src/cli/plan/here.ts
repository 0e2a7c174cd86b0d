/** This machine as a plan's device, and what "auto" would do on it. */
import { calibrate, type Device, deviceOf, type Machine, type Plan, plan } from "../../cost/mod.ts";
import { asUsage, type Sizes } from "./question.ts";

/** This machine. */
export interface Here {
  /** As the roofline takes it. */
  readonly device: Device;
  /** Its memory, if one may ask. */
  readonly memoryBytes?: number;
  /** What was measured. */
  readonly machine: Machine;
  /** Every way to run crossEntropy with its gradient on arrays. */
  readonly plan: Plan;
}

/** Measures this machine, and plans for it. */
export async function lookHere({ batch, sequence, vocab, dtype }: Sizes): Promise<Here> {
  const dims = { rows: batch * sequence, vocab }, inputs = { dtype, outputs: ["gradient"] };
  // Sizes that make no plan shall not wait for the measurement
  asUsage(() => plan("crossEntropy", dims, { inputs }));
  const machine = await calibrate(), memoryBytes = askMemory();
  return {
    // A roofline does not depend on how large memory is
    device: deviceOf(machine, memoryBytes ?? 1),
    memoryBytes,
    machine,
    plan: plan("crossEntropy", dims, { machine, inputs }),
  };
}

/** Bytes of memory, where that may be known without a question to the user. */
function askMemory(): number | undefined {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo().total : undefined;
}
