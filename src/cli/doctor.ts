/** `surprisal doctor`: which backends run here, and how fast this machine is. */
import type { Command } from "./command.ts";
import { writeText } from "./files.ts";

/** The command. */
export const doctor: Command = {
  summary: "Find which backends run here, and measure this machine, in half a second",
  options: {
    webgpu: { type: "boolean", description: "Measure the GPU too" },
    save: { type: "string", value: "file.json", description: "Write what was measured, for useMachine(JSON.parse(…))" },
  },
  async run({ webgpu, save }) {
    const [{ examine }, { describeFindings }] = await Promise.all([
      import("./doctor/examine.ts"),
      import("./doctor/report.ts"),
    ]);
    const record = await examine(webgpu === true);
    if (save !== undefined) await writeText(String(save), JSON.stringify(record.machine, undefined, 2) + "\n");
    return { record, text: describeFindings(record) };
  },
};
