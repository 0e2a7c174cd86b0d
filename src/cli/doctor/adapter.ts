/** The GPU that WebGPU would take. */

/** An adapter: what it is called, what it can, how much it takes. */
export interface Adapter {
  /** Its description; empty where there is none. */
  readonly description: string;
  /** Its vendor's name or number. */
  readonly vendor: string;
  readonly architecture: string;
  /** Whether it is a CPU in disguise. */
  readonly isFallback: boolean;
  /** Limits by their names in WebGPU: bytes, and counts. */
  readonly limits: Readonly<Record<typeof LIMITS[number], number>>;
  /** Features that matter to kernels or to measurements, and whether it has them. */
  readonly features: Readonly<Record<typeof FEATURES[number], boolean>>;
}

/** Limits in the order in which they are shown; the first three are bytes. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;

const FEATURES = ["timestamp-query", "shader-f16", "subgroups"] as const;

/** The adapter that is asked for as the library asks, if there is one. */
export async function findAdapter(): Promise<Adapter | undefined> {
  const api: GPU | undefined = navigator.gpu;
  const adapter = await api?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return undefined;
  const { info: { description, vendor, architecture, isFallbackAdapter }, limits, features } = adapter;
  return {
    description,
    vendor,
    architecture,
    isFallback: isFallbackAdapter,
    limits: fromNames(LIMITS, (name) => limits[name]),
    features: fromNames(FEATURES, (name) => features.has(name)),
  };
}

function fromNames<Name extends string, Value>(names: readonly Name[], of: (name: Name) => Value) {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, Value>;
}
