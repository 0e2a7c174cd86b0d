/** What was evaluated, and how: what must be the same for partial results to be parts of one. */
import { readList, readNumber, readObject, readText, readWhole, wrong } from "./json.ts";

/** What every row of an evaluation has in common. */
export interface Settings {
  /** Classes. */
  readonly vocab: number;
  /** How the logits of each file are stored: the base's first. */
  readonly stored: readonly string[];
  /** Whether there are targets. */
  readonly hasTargets: boolean;
  /** What logits are divided by. */
  readonly temperature: number;
  /** The target of rows that are left out. */
  readonly ignoreIndex: number;
  /** Parts of [0, 1] that confidences are sorted into. */
  readonly bins: number;
  /** Whether bits are the same on every machine. */
  readonly deterministic: boolean;
}

/** Reads settings. */
export function readSettings(json: unknown, where: string): Settings {
  const given = readObject(json, where);
  const at = (name: keyof Settings) => [given[name], `${where}.${name}`] as const;
  const flag = (name: keyof Settings) => {
    const [value, place] = at(name);
    if (typeof value !== "boolean") throw wrong(value, place, "true or false");
    return value;
  };
  const [stored, place] = at("stored");
  const settings = {
    vocab: readWhole(...at("vocab")),
    stored: readList(stored, place).map((one, i) => readText(one, `${place}[${i}]`)),
    hasTargets: flag("hasTargets"),
    temperature: readNumber(...at("temperature")),
    ignoreIndex: readNumber(...at("ignoreIndex")),
    bins: readWhole(...at("bins")),
    deterministic: flag("deterministic"),
  };
  if (settings.bins < 1 || settings.bins > 1000) throw wrong(settings.bins, `${where}.bins`, "from 1 to 1000");
  return settings;
}

/** The first setting in which two differ, and both of its values; nothing where they agree. */
export function differenceOf(
  one: Settings,
  other: Settings,
): readonly [name: string, one: string, other: string] | undefined {
  for (const name of Object.keys(one) as (keyof Settings)[]) {
    const [a, b] = [one, other].map((settings) => JSON.stringify(settings[name]));
    if (a !== b) return [name, a, b];
  }
}
