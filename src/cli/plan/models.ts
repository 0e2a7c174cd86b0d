/** Sizes of well-known language models. */

/** What a plan needs to know of a model. */
export interface ModelSizes {
  /** As people write it. */
  readonly name: string;
  /** Classes of its last layer, those that only fill it up included. */
  readonly vocab: number;
  /** Width of its hidden states. */
  readonly hidden: number;
  /** Tokens of a sequence in most of its pre-training, before any stage that made contexts longer. */
  readonly sequence: number;
  /** Where the sizes are from. */
  readonly source: string;
}

/**
 * Models by identifier. A length that is not in the source, which says how far a context was made to reach, is from the
 * model's report: Mistral 7B (arXiv:2310.06825), Qwen2.5 (arXiv:2412.15115) and Qwen3 (arXiv:2505.09388).
 */
export const MODELS: Readonly<Record<string, ModelSizes>> = {
  "gpt2": model("GPT-2", 50_257, 768, 1024, "openai-community/gpt2"),
  "gpt2-xl": model("GPT-2 XL", 50_257, 1600, 1024, "openai-community/gpt2-xl"),
  "bert-base": model("BERT base", 30_522, 768, 512, "google-bert/bert-base-uncased"),
  "t5-base": model("T5 base", 32_128, 768, 512, "google-t5/t5-base"),
  "llama2-7b": model("Llama 2 7B", 32_000, 4096, 4096, "meta-llama/Llama-2-7b-hf"),
  "llama3-8b": model("Llama 3 8B", 128_256, 4096, 8192, "meta-llama/Meta-Llama-3-8B"),
  "mistral-7b": model("Mistral 7B", 32_000, 4096, 8192, "mistralai/Mistral-7B-v0.1"),
  "phi-3-mini": model("Phi-3 mini", 32_064, 3072, 4096, "microsoft/Phi-3-mini-4k-instruct"),
  "gemma2-2b": model("Gemma 2 2B", 256_000, 2304, 8192, "google/gemma-2-2b"),
  "gemma2-9b": model("Gemma 2 9B", 256_000, 3584, 8192, "google/gemma-2-9b"),
  "gemma3-1b": model("Gemma 3 1B", 262_144, 1152, 32_768, "google/gemma-3-1b-pt"),
  "qwen2.5-7b": model("Qwen2.5 7B", 152_064, 3584, 4096, "Qwen/Qwen2.5-7B"),
  "qwen3-8b": model("Qwen3 8B", 151_936, 4096, 4096, "Qwen/Qwen3-8B"),
  "deepseek-v3": model("DeepSeek-V3", 129_280, 7168, 4096, "deepseek-ai/DeepSeek-V3"),
  "gpt-oss-20b": model("gpt-oss 20B", 201_088, 2880, 4096, "openai/gpt-oss-20b"),
};

function model(name: string, vocab: number, hidden: number, sequence: number, repository: string): ModelSizes {
  return { name, vocab, hidden, sequence, source: `https://huggingface.co/${repository}/blob/main/config.json` };
}
