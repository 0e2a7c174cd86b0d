/** A plan: what every method needs and takes, and what would help. */
import {
  type Device,
  device as deviceNamed,
  formatBytes,
  logitsBytes,
  maxBatch,
  memory,
  type MethodMemory,
  METHODS,
  type MethodWork,
  methodWork,
  type Roofline,
} from "../../cost/mod.ts";
import { UsageError } from "../command.ts";
import { type Here, lookHere } from "./here.ts";
import { MODELS, type ModelSizes } from "./models.ts";
import { asUsage, type Question, type Sizes } from "./question.ts";
import { type Remark, remarksOn } from "./remarks.ts";
import { timeOf } from "./time.ts";

/** What `--json` prints: bytes and seconds. */
export interface Answer {
  /** The model, if one was named. */
  readonly model?: ModelSizes & { readonly id: string };
  /** Every size. */
  readonly head: Sizes;
  /** Bytes of the logits. */
  readonly logitsBytes: number;
  /** The device; without `memoryBytes` where that is not known. */
  readonly device: Omit<Device, "memoryBytes"> & { readonly id: string; readonly memoryBytes?: number };
  /** The memory that there is, if it is known. */
  readonly room?: Room;
  /** The methods in their order. */
  readonly methods: readonly MethodAnswer[];
  /** What would help, the most obvious first. */
  readonly help: readonly Remark[];
  /** What was measured and would be done, where this machine is the device. */
  readonly here?: Pick<Here, "machine" | "plan">;
}

/** Memory. */
export interface Room {
  readonly budgetBytes: number;
  readonly fraction: number;
  readonly reservedBytes: number;
  /** fraction · budgetBytes − reservedBytes. */
  readonly usableBytes: number;
}

/** A method. */
export interface MethodAnswer extends MethodMemory {
  readonly work: MethodWork;
  readonly roofline: Roofline;
  /** Sequences; none where the memory is not known. */
  readonly largestBatch?: number;
  /** The textbook's seconds over the method's. */
  readonly speedup: number;
}

/**
 * The answer to a question. "this" measures the machine.
 *
 * @throws {UsageError} If sizes that make sense alone make none together.
 */
export async function answer(question: Question): Promise<Answer> {
  const { head } = question;
  const here = question.device === "this" ? await lookHere(head) : undefined;
  const device = here?.device ?? deviceNamed(question.device);
  const memoryBytes = here ? here.memoryBytes : device.memoryBytes;
  const room = roomOf(question, memoryBytes), { batch: _, ...sizes } = head, { fraction, reservedBytes } = question;
  const textbook = timeOf("textbook", head, device).seconds;
  return {
    ...question.model !== undefined && { model: { id: question.model, ...MODELS[question.model] } },
    head,
    logitsBytes: logitsBytes(head),
    device: { id: question.device, ...device, memoryBytes },
    room,
    methods: METHODS.map((method) => {
      const found = timeOf(method, head, device);
      return {
        ...memory(method, head),
        work: methodWork(method, head),
        roofline: found,
        largestBatch: room && maxBatch({ ...sizes, budgetBytes: room.budgetBytes, fraction, reservedBytes, method }),
        speedup: textbook / found.seconds,
      };
    }),
    help: asUsage(() => remarksOn(head, device)),
    ...here && { here: { machine: here.machine, plan: here.plan } },
  };
}

function roomOf({ budgetBytes, fraction, reservedBytes }: Question, memoryBytes?: number): Room | undefined {
  const bytes = budgetBytes ?? memoryBytes;
  if (bytes === undefined) return undefined;
  const usableBytes = fraction * bytes - reservedBytes;
  if (usableBytes > 0) return { budgetBytes: bytes, fraction, reservedBytes, usableBytes };
  const [reserved, whole] = [reservedBytes, fraction * bytes].map(formatBytes);
  throw new UsageError(`Option '--reserved' is ${reserved}, which leaves nothing of ${whole}`);
}
