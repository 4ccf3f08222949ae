/** The line that writes base and adapter as one checkpoint, for adapters that are not merged here. */
export function mergeLine(directory: string): string {
  const path = JSON.stringify(directory);
  return `Merge it with PEFT, then use the folder "merged": python -c 'from peft import AutoPeftModelForCausalLM as M; from transformers import AutoTokenizer as T; p = ${path}; m = M.from_pretrained(p, dtype="auto"); b = m.peft_config["default"].base_model_name_or_path; m.merge_and_unload().save_pretrained("merged"); T.from_pretrained(b).save_pretrained("merged")'`;
}
