/**
 * Every error a user can cause, with the hint that helps most of the time. A throw site may give a better hint, because
 * it knows more. Hints speak of the library: options stand between backquotes, and the command puts its flags there.
 */
export const errorCatalogue = {
  ABORTED: 'Run the same again.',
  CHECKPOINT_NOT_FOUND:
    'Give a folder with config.json and *.safetensors, a GGUF file, a Hub id such as allenai/OLMoE-1B-7B-0125, or tiny.',
  CHECKPOINT_INVALID:
    'The file is damaged or was not written by a safetensors library: download or export it again.',
  CHECKPOINT_INDEX_INVALID: 'Restore model.safetensors.index.json from the original repository.',
  CHECKPOINT_CHANGED: 'Try again when nothing writes to the checkpoint any more.',
  TENSOR_MISSING: 'The checkpoint is incomplete, or is not of the architecture its config.json names.',
  TENSOR_SHAPE: 'The checkpoint does not fit its config.json: restore both from the same revision.',
  TENSOR_DTYPE: 'Convert the tensor to BF16, F16 or F32 first.',
  WEIGHTS_NOT_FINITE: 'The weights contain NaN or infinity: restore the file from its source.',
  CONFIG_INVALID: 'Restore config.json from the original repository.',
  CONFIG_UNSUPPORTED:
    'The value changes the mathematics, and moepress does not know how yet: use a checkpoint without it.',
  ARCHITECTURE_UNKNOWN:
    'Use a model of a known family, or teach moepress this one: see "an architecture" in CONTRIBUTING.md.',
  TOKENIZER_MISSING: 'Put tokenizer.json (and tokenizer_config.json) next to config.json.',
  TOKENIZER_STOPPED: 'Restore tokenizer.json from the original repository; a valid one takes milliseconds.',
  CHAT_TEMPLATE_FAILED:
    'Give the model texts without its chat template, or a conversation that the template takes.',
  PLAN_INVALID: 'Make the plan again.',
  PLAN_BASE_MISMATCH: 'Apply the plan to the checkpoint it was made from, or make a new plan for this one.',
  PLUGIN_INVALID: 'The package must default-export the result of definePlugin().',
  METHOD_UNKNOWN: 'Install the plugin that provides the method, or pick one from the list.',
  OPTIONS_INVALID: 'Correct the named option.',
  RATIO_TOO_HIGH: 'Lower the ratio so that at least top-k experts remain in every layer.',
  CALIBRATION_INVALID: 'Give a text or JSONL file with enough text for at least one sequence.',
  OUTPUT_EXISTS: 'Choose another folder, remove this one, or give `force` if moepress wrote it.',
  OUTPUT_BUSY: 'Wait until the other run has ended, or give another output path.',
  DISK_FULL: 'Free space or choose another disk, then try again.',
  WRITE_FAILED: 'Check the permissions of the output folder.',
  HUB_NOT_FOUND: 'Check the spelling of the repository id and revision.',
  HUB_FORBIDDEN: 'Accept the licence on the model page and set HF_TOKEN.',
  HUB_UNREACHABLE: 'Check the network, HF_ENDPOINT and proxy settings; a cached model needs none of them.',
  SERVER_UNREACHABLE: 'Check the address of the server, that it runs, and its log.',
  SERVER_UNSUITABLE:
    'Use a server whose /v1/completions takes token ids and echoes log-probabilities, such as vLLM.',
  DATASET_NOT_FOUND:
    'Give `data`, a folder with <dataset>/<config>/<split>.{parquet,jsonl,jsonl.gz}, or a network.',
  DATASET_INVALID: 'Restore the file from its source.',
  TASK_UNKNOWN: 'Pick one of the known tasks.',
  TASK_INVALID: 'Correct the task file.',
  TASK_UNSUPPORTED: 'Pick another task: docs/tasks.md says what task files may ask for.',
  INPUT_INVALID: 'Correct the named value.',
  MEMORY_EXCEEDED:
    'Allow more memory, close other programs, or shorten what is asked: fewer or shorter sequences at once.',
  LLAMA_CPP_MISSING:
    'Install llama.cpp for Node beside moepress: npm install @moepress/llama-cpp node-llama-cpp. Its README tells how to get the binary of this machine alone.',
  LLAMA_CPP_FAILED:
    'Generate with our own engine, or look at the message: a file may be too large for the memory, or of a model that this llama.cpp does not know.',
  ONNX_RUNTIME_MISSING:
    'Install moepress anew on this system, without `--omit=optional`; on Linux it needs the GNU C library.',
  SESSION_CLOSED: 'Open another session: a closed one cannot be used any more.',
  ENGINE_FAILED: 'This is likely a fault of moepress: please report it with the message above.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCatalogue;
