/**
 * Command lines below the help of each command, as they may be typed: within 80 columns, on the embedded model where
 * that shows the thing, so that they can be tried at once.
 */
export const examples: Readonly<Record<string, readonly string[]>> = {
  moepress: [
    'moepress demo',
    'moepress inspect allenai/OLMoE-1B-7B-0125',
    'moepress compress tiny --method reap --ratio 0.25 --out tiny-small',
    'moepress eval tiny-small --tasks tiny_facts',
  ],
  inspect: ['moepress inspect tiny', 'moepress inspect allenai/OLMoE-1B-7B-0125 --json'],
  compress: [
    'moepress compress tiny --method reap --ratio 0.25 --out tiny-small',
    'moepress compress allenai/OLMoE-1B-7B-0125 --method reap --ratio 0.5 \\\n' +
      '      --calibration wikitext:128x2048 --out olmoe-half --dry-run',
    'moepress compress tiny --method fisher-moe --ratio 0.5 \\\n' +
      '      --option budget=expert --plan-only --out plan.json',
  ],
  apply: [
    'moepress apply plan.json tiny --out tiny-small',
    'moepress apply olmoe-half allenai/OLMoE-1B-7B-0125 --layout materialised \\\n      --out olmoe-vllm',
  ],
  export: [
    'moepress export tiny-small --to gguf',
    'moepress export tiny-small --to gguf --type q8_0 --out tiny.gguf',
    'moepress export tiny --plan plan.json --to onnx --type q4 --out tiny-onnx',
  ],
  refine: [
    'moepress compress tiny --method moe-to-dense --plan-only --out dense.json',
    'moepress refine tiny --plan dense.json --refiner distil \\\n' +
      '      --train "tiny:192x128+tiny_gsm[train]:400" --out distilled',
  ],
  run: ['moepress run recipe.yaml --dry-run', 'moepress run recipe.yaml'],
  evidence: ['moepress evidence', 'moepress evidence --clear'],
  channels: ['moepress channels tiny --calibration tiny:64 --svg channels.svg'],
  eval: [
    'moepress eval tiny --tasks tiny_gsm,tiny_facts --output results',
    'moepress eval tiny --plan plan.json --tasks tiny_facts --against tiny',
    'moepress eval olmoe-half --tasks arc_easy,gsm8k --limit 200',
    'moepress eval my-model --tasks gsm8k --base-url http://localhost:8000/v1',
  ],
  tasks: ['moepress tasks arc', 'moepress tasks --include-path lm_eval/tasks'],
  methods: ['moepress methods', 'moepress methods fisher-moe'],
  compare: ['moepress compare results/tiny results/tiny-small'],
  samples: ['moepress samples results --task tiny_gsm --wrong --limit 3'],
  leaderboard: ['moepress leaderboard recipe.yaml --out board'],
  sweep: ['moepress sweep grid.yaml --out sweep'],
  serve: ['moepress serve tiny', 'moepress serve olmoe-half --port 9000 --served-name olmoe'],
  trace: ['moepress trace tiny --ids "[1, 2, 3]" --out trace.safetensors'],
  doctor: ['moepress doctor'],
  completion: [
    'moepress completion bash > ~/.local/share/bash-completion/completions/moepress',
    'moepress completion zsh > ~/.zfunc/_moepress',
    'moepress completion fish > ~/.config/fish/completions/moepress.fish',
  ],
  demo: ['moepress demo', 'moepress demo --methods conmoe,random --out variants'],
};
