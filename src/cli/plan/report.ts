/** A plan as tables. */
import {
  type Candidate,
  formatBinaryBytes,
  formatBytes,
  formatSeconds,
  type Machine,
  type Roofline,
} from "../../cost/mod.ts";
import { formatBothBytes } from "../bytes.ts";
import { alignColumns, formatCount, formatFactor } from "../table.ts";
import type { Answer } from "./answer.ts";
import type { Here } from "./here.ts";

/** A factor beyond this says no more. */
const MOST = 999;

/** The whole report. */
export function describeAnswer(answer: Answer): string {
  const { help, here } = answer;
  return [
    `${titleOf(answer)}: logits of ${formatBothBytes(answer.logitsBytes)}\n${describeDevice(answer)}`,
    alignColumns(methodTable(answer)),
    noteOn(answer),
    ...help.length === 0 ? [] : [`What would help:\n${helpTable(answer)}`],
    ...here ? [describeHere(here)] : [],
  ].join("\n\n");
}

/** What is planned, for its batch or for any: GPT-2, 16 × 1,024 tokens × 50,257 classes, f16. */
export function titleOf({ model, head }: Answer, batch = formatCount(head.batch)): string {
  const tokens = head.sequence === 1 ? [] : [`${formatCount(head.sequence)} tokens`];
  const sizes = [batch, ...tokens, `${formatCount(head.vocab)} classes`].join(" × ");
  return `${model ? `${model.name}, ` : ""}${sizes}, ${head.dtype}`;
}

function describeDevice({ device, room }: Answer): string {
  const { name, memoryBytes, memoryBytesPerSecond } = device;
  const size = memoryBytes === undefined ? "memory" : formatBothBytes(memoryBytes);
  const line = `On ${name}: ${size} at ${formatBytes(memoryBytesPerSecond)}/s`;
  if (room === undefined) return `${line}; --budget says how much there is`;
  return room.usableBytes === memoryBytes ? line : `${line}; ${formatBothBytes(room.usableBytes)} may be used`;
}

function methodTable({ methods, room }: Answer): string[][] {
  const header = ["method", "peak", "", "saved", "time", "bound by", "speed-up"];
  return [
    room ? [...header, "largest batch"] : header,
    ...methods.map((one) => {
      const cells = [
        one.method,
        formatBytes(one.peakBytes),
        formatBinaryBytes(one.peakBytes),
        formatBytes(one.savedBytes),
        formatSeconds(one.roofline.seconds),
        describeBound(one.roofline),
        formatFactor(one.speedup),
      ];
      return one.largestBatch === undefined ? cells : [...cells, formatCount(one.largestBatch)];
    }),
  ];
}

function describeBound({ bound, factor }: Roofline): string {
  return `${bound}, ${factor > MOST ? `> ${MOST} ×` : formatFactor(factor)}`;
}

function noteOn({ head, room, here }: Answer): string {
  const rates = here ? "at the rates measured" : "at the device's peak rates";
  const products = head.hidden === undefined ? "without" : `with hidden states of ${formatCount(head.hidden)} and`;
  return [
    "peak: all at once, beside hidden states, weights and their gradients; saved: for the backward pass",
    `time: loss and gradient ${rates}, ${products} matrix products; topK has no gradient`,
    ...room ? ["largest batch: sequences whose peak fits what may be used"] : [],
  ].join("\n");
}

function helpTable({ help }: Answer): string {
  return alignColumns(help.map(({ change, effect }) => [`  ${change}`, effect]), ["left", "left"]);
}

function describeHere({ machine, plan }: Pick<Here, "machine" | "plan">): string {
  const lines = plan.candidates.map((candidate) => [
    ...describeCandidate(candidate, machine),
    isWinner(candidate, plan.winner) ? "← auto" : "",
  ]);
  const header = ["on arrays", "threads", "predicted", "copies", "memory", "how", ""];
  const table = alignColumns([header, ...lines], ["left", "right", "right", "right", "right", "left", "left"]);
  return `crossEntropy with its gradient here:\n${table}\n${plan.reason}`;
}

/** Backend and threads tell candidates apart. */
function isWinner({ backend, threads }: Candidate, winner: Candidate): boolean {
  return backend === winner.backend && threads === winner.threads;
}

function describeCandidate(candidate: Candidate, { gpu }: Machine): string[] {
  const { backend, threads, seconds, copySeconds, peakBytes, chunking } = candidate;
  return [
    backend === "webgpu" && gpu.name === "" ? "webgpu, not measured" : backend,
    formatCount(threads),
    formatSeconds(seconds),
    copySeconds === 0 ? "none" : formatSeconds(copySeconds),
    formatBytes(peakBytes),
    chunking,
  ];
}
