import type { DenseFfn, Expert, Mlp, MoeFfn, SharedExpert, TensorExpr } from '@moepress/core';
import { elementCount } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import type { GgufTensor } from '../file/gguf-tensor.js';
import { linear, one, shaped, stack } from './named.js';

/** Tensors of an FFN; `stem` is that of the layer. Experts have one width. */
export function ffnTensors(
  ffn: DenseFfn | MoeFfn,
  stem: string,
  architecture: GgufArchitecture,
): GgufTensor[] {
  return [
    ...(ffn.kind === 'dense' ? mlpTensors(ffn.mlp, stem, '') : moeTensors(ffn, stem, architecture)),
    ...(ffn.shared ? shared(ffn.shared, stem) : []),
  ];
}

/** Router and experts. */
export function moeTensors(
  { router, slots, pool }: MoeFfn,
  stem: string,
  { selectionBias = 'exp_probs_b.bias' }: GgufArchitecture,
): GgufTensor[] {
  const experts = slots.map((position) => pool[position]!);
  return [
    ...linear(`${stem}.ffn_gate_inp`, router),
    ...(router.selectionBias ? [vector(`${stem}.${selectionBias}`, router.selectionBias)] : []),
    ...stacked(experts, stem),
  ];
}

function stacked(experts: readonly Expert[], stem: string): GgufTensor[] {
  const [first] = experts as readonly [Expert];
  const parts = (['gate', 'up', 'down'] as const).filter((part) => first[part] !== null);
  return parts.flatMap((part) => [
    stack(
      `${stem}.ffn_${part}_exps.weight`,
      experts.map((expert) => expert[part]!),
    ),
    ...(first.bias
      ? [
          stack(
            `${stem}.ffn_${part}_exps.bias`,
            experts.map(({ bias }) => bias![part]!),
          ),
        ]
      : []),
  ]);
}

function shared({ mlp: own, gate }: SharedExpert, stem: string): GgufTensor[] {
  return [
    ...mlpTensors(own, stem, '_shexp'),
    ...(gate ? [vector(`${stem}.ffn_gate_inp_shexp.weight`, gate)] : []),
  ];
}

/** Projections of an MLP, with a suffix behind their names. */
export function mlpTensors({ gate, up, down, bias }: Mlp, stem: string, suffix: string): GgufTensor[] {
  const parts = { gate, up, down };
  return (['gate', 'up', 'down'] as const).flatMap((part) => {
    const weight = parts[part];
    if (!weight) return [];
    const own = bias?.[part];
    const name = `${stem}.ffn_${part}${suffix}`;
    return [one(`${name}.weight`, weight), ...(own ? [one(`${name}.bias`, own)] : [])];
  });
}

/** What checkpoints may store with a first axis of one. */
const vector = (name: string, of: TensorExpr): GgufTensor => shaped(name, of, [elementCount(of.shape)]);
