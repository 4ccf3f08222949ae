/**
 * What a family reads from config.json, as data: each key's names, and what the family's configuration class takes
 * in its place where it is absent or null. Facts from the configuration classes of transformers 5.18
 * (`configuration_*.py` of each family), and for DeepSeekMoE from the code that comes with its checkpoints.
 */

/** A value of config.json, or where it is taken from. */
export type Meaning<Q extends string = Quantity> =
  | { readonly value: ConfigValue }
  /** The default is the value of another quantity. */
  | { readonly as: Q }
  /** The first quantity divided by the second, rounded down. */
  | { readonly quotient: readonly [Q, Q] }
  /** The key is needed, or must not be null. */
  | 'refused';

export type ConfigValue =
  | string
  | number
  | boolean
  | null
  | readonly ConfigValue[]
  | { readonly [key: string]: ConfigValue };

/** How one key is read. */
export interface KeyRule<Q extends string = Quantity> {
  /**
   * Names that mean the same (`attribute_map` in transformers). Written is the first, or `written`; where several are given, the
   * last prevails, since transformers sets a class's own fields first and all other keys after them.
   */
  readonly names: readonly [string, ...string[]];
  /** The name that is written, which published code reads; the first by default. */
  readonly written?: string;
  readonly absent: Meaning<Q>;
  readonly null: Meaning<Q>;
  /** A list with one value for each layer may stand in its place, if all of them are equal. */
  readonly perLayer?: boolean;
  /** Whether the reference asks for Python's truth, to which null, 0, "", [] and {} are false. */
  readonly truth: boolean;
}

/** The keys of an object, by the names they have here. */
export type KeyTable<Q extends string> = Readonly<Partial<Record<Q, KeyRule<Q>>>>;

/** Everything some family reads, by one name for all. */
export type Quantity = keyof typeof quantities;

/** Descriptions of the quantities by name, for the documentation. */
export const quantities = {
  vocabSize: 'rows of the embedding',
  hiddenSize: 'width of the hidden states',
  layers: 'decoder layers',
  heads: 'attention heads',
  kvHeads: 'heads of keys and values',
  headDim: 'dimensions of a head',
  epsilon: 'of the norms',
  rmsEpsilon: 'whether norms are RMS norms; null: they are layer norms',
  layerEpsilon: 'epsilon of layer norms',
  maxPositions: 'positions of pretraining',
  activation: 'function of the gate in an MLP',
  tied: 'whether the head is the embedding',
  bosTokenId: 'token that begins a text',
  eosTokenIds: 'tokens that end a text',
  dtype: 'type of the weights',
  torchDtype: 'the same by its older name',
  quantisation: 'how weights are stored',
  classes: 'class that runs the model',
  perLayer: 'settings of single layers',
  causal: 'whether tokens see only what is before them',
  weightsFile: 'file of the weights, in the place of model.safetensors',
  ropeTheta: 'base of the rotation',
  ropeParameters: 'rotation, as transformers 5 writes it',
  ropeScaling: 'rotation in the classic form; where it is given, the other is not looked at',
  originalPositions: 'positions before stretching; prevails over the same inside the rotation',
  partialRotary: 'rotated part of a head',
  partialDim: 'the same in dimensions',
  embeddingMultiplier: 'factor of embedded tokens',
  residualMultiplier: 'factor of what attention and FFN add',
  attentionMultiplier: 'factor of the products of queries and keys',
  logitsScaling: 'divisor of logits',
  positionEmbedding: 'how positions are told; anything but "rope": not at all',
  logitScale: 'factor of logits',
  logitCap: 'bound that logits approach',
  scalesEmbedding: 'whether embedded tokens are multiplied by the root of the hidden size',
  attentionBias: 'biases of the projections of attention',
  headBias: 'bias of the head',
  mlpBias: 'biases of dense MLPs and shared experts',
  usesQkNorm: 'whether queries and keys are normed',
  clip: 'bound of queries, keys and values',
  windowKvHeads: 'heads of keys and values in layers with a window',
  fullKvHeads: 'heads of keys and values in layers without a window, where keys are values',
  fullHeadDim: 'dimensions of a head in layers without a window',
  keysAreValues: 'whether the values of layers without a window are their keys',
  valueScale: 'factor of values',
  scalesQueries: 'whether queries of unrotated layers grow with their position',
  queryBeta: 'how much they grow',
  queryEvery: 'tokens after which they grow again',
  rotatedLayers: 'whether each layer rotates; an empty list: by the next key',
  unrotatedEvery: 'every how many layers one does not rotate',
  slidingWindow: 'tokens a windowed layer looks back',
  usesWindow: 'whether there are windows at all',
  windowLayers: 'layer at which the rule for windows changes',
  windowPattern: 'every how many layers one has no window',
  prefixPattern: 'the same among the dense layers at the beginning; 1: these rotate',
  windowFlags: 'whether each layer has a window; it must say what transformers assumes',
  layerTypes: 'type of attention of each layer',
  layerPattern:
    'the same by a letter for each layer: M, E, * and - for Mamba-2, experts, attention and an MLP',
  queryLatent: 'width of the latent of queries; null: none',
  latent: 'width of the latent of keys and values',
  contentDim: 'unrotated dimensions of a head',
  rotatedDim: 'rotated dimensions of a head',
  valueDim: 'dimensions of a head of values',
  interleaved: 'whether neighbours are rotated together',
  indexHeads: 'heads of the indexer',
  indexDim: 'dimensions of its heads',
  indexTopK: 'tokens that the indexer lets a token attend to',
  indexerTypes: 'whether each layer has an indexer or shares that of a layer before it',
  indexPattern: 'the same by letters, or as a list',
  indexEvery: 'step between layers with an indexer, where their types are not told',
  indexOffset: 'layer that these steps begin behind',
  fullInterval: 'step between layers with softmax attention, where their types are not told',
  fullLayers: 'layers with softmax attention, where their types are not told',
  convolutionWindow: 'tokens that a convolution sees',
  convolutionBias: 'bias of a convolution; of a short one also those of the projections around it',
  deltaSettings: 'sizes of a delta rule, which prevail, and which layers have it',
  deltaKeyHeads: 'heads of queries and keys of a delta rule',
  deltaValueHeads: 'heads of values of a delta rule',
  deltaKeyDim: 'dimensions of such a head of queries and keys',
  deltaValueDim: 'dimensions of such a head of values',
  spaceHeads: 'heads of a state space layer',
  spaceHeadDim: 'dimensions of such a head; "auto": what the widths leave',
  spaceGroups: 'groups of such heads that share their inputs and outputs of the state',
  spaceStateDim: 'dimensions of the state',
  spaceExpansion: 'width of all such heads in widths of the hidden states',
  spaceProjectionBias: 'biases of the projections of a state space layer',
  spaceActivation: 'function behind its convolution',
  stepLimit: 'least and largest step of such a layer',
  leastStep: 'least step of such a layer',
  experts: 'routed experts of a layer',
  topK: 'experts chosen for a token',
  expertWidth: 'channels of a routed expert',
  expertSpace: 'dimensions of what experts see; null: those of the hidden states',
  denseWidth: 'channels of a dense MLP',
  adjustsWidth: 'whether two thirds of that are meant, times a factor, rounded up to a multiple',
  widthFactor: 'the factor; null: neither factor nor multiple',
  widthMultiple: 'the multiple',
  shared: 'size of the shared expert',
  firstDense: 'dense layers at the beginning',
  lastMoe: 'last layer with experts; -1: that of the model',
  moeEvery: 'step between MoE layers',
  denseLayers: 'further dense layers',
  mlpTypes: 'whether each layer is dense or has experts',
  moeFlags: 'the same as numbers; it must say what transformers assumes',
  moeLayers: 'layers with experts; null: by the step',
  hasExperts: 'whether layers have experts',
  perLayerInput: 'width of embeddings that each layer adds',
  sharedCombination: 'how the shared expert joins the routed ones',
  mixerNoise: 'half of how much lower a logit may be, as a share, to take part in the weight of a chosen one',
  normalises: 'whether the chosen weights are divided by their sum',
  usesSelectionBias: 'whether scores have a bias for the selection',
  leastSum: 'least sum that the chosen weights are divided by',
  scale: 'factor of the chosen weights',
  scoring: 'what turns logits into scores',
  selection: 'how experts are chosen',
  groups: 'groups of experts',
  selectedGroups: 'groups chosen from',
  gateLimit: 'bound of the clamped gate',
  furtherLayers: 'multi-token prediction layers, which are not run',
} as const;

/** What every family reads. */
type Common =
  | 'vocabSize'
  | 'hiddenSize'
  | 'layers'
  | 'heads'
  | 'kvHeads'
  | 'epsilon'
  | 'maxPositions'
  | 'tied'
  | 'bosTokenId'
  | 'eosTokenIds'
  | 'dtype'
  | 'torchDtype'
  | 'classes'
  | 'quantisation'
  | 'perLayer'
  | 'causal'
  | 'weightsFile'
  | 'layerTypes'
  | 'ropeTheta'
  | 'ropeParameters'
  | 'ropeScaling'
  | 'originalPositions'
  | 'partialRotary';

/** The keys of a family. The family does not read any other key. */
export type FamilyKeys = Readonly<Record<Common, KeyRule>> & Readonly<Partial<Record<Quantity, KeyRule>>>;

export const value = (of: ConfigValue): { readonly value: ConfigValue } => ({ value: of });
export const as = <Q extends string = Quantity>(quantity: Q): { readonly as: Q } => ({ as: quantity });
/** hidden_size // num_attention_heads */
export const perHead: Meaning = { quotient: ['hiddenSize', 'heads'] };
export const none = value(null);
export const refused = 'refused';

/** A key for which the configuration class has a default. */
export const sized = (name: string, absent: number): KeyRule<never> => key(name, value(absent));

/** A key that must not be null, unless `null` says what that means. */
export function key<Q extends string = never>(
  name: string | readonly [string, ...string[]],
  absent: Meaning<Q>,
  more: { readonly null?: Meaning<Q>; readonly truth?: boolean; readonly written?: string } = {},
): KeyRule<Q> {
  return {
    names: typeof name === 'string' ? [name] : name,
    absent,
    null: more.null ?? refused,
    truth: more.truth ?? false,
    ...(more.written && { written: more.written }),
  };
}

/** Sizes and constants that every family has, with its class's defaults; token ids may be null. */
export function decoderKeys(defaults: {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly bos_token_id: number | null;
  readonly eos_token_id: number | null;
}) {
  const of = (name: keyof typeof defaults) => key(name, value(defaults[name]));
  const token = (name: 'bos_token_id' | 'eos_token_id') => key(name, value(defaults[name]), { null: none });
  return {
    vocabSize: of('vocab_size'),
    hiddenSize: of('hidden_size'),
    layers: of('num_hidden_layers'),
    heads: of('num_attention_heads'),
    maxPositions: of('max_position_embeddings'),
    epsilon: of('rms_norm_eps'),
    ropeTheta: of('rope_theta'),
    ropeParameters: key('rope_parameters', none, { null: none }),
    ropeScaling: key('rope_scaling', none, { null: none, truth: true }),
    originalPositions: key('original_max_position_embeddings', none),
    partialRotary: key('partial_rotary_factor', none, { null: none }),
    tied: key('tie_word_embeddings', value(false)),
    dtype: key('dtype', as('torchDtype'), { null: as('torchDtype') }),
    torchDtype: key('torch_dtype', none, { null: none }),
    quantisation: key('quantization_config', none, { null: none }),
    classes: key('architectures', none, { null: none }),
    perLayer: key('per_layer_config', none, { null: none }),
    causal: key('is_causal', value(true), { null: value(false), truth: true }),
    weightsFile: key('transformers_weights', none, { null: none }),
    layerTypes: key('layer_types', none, { null: none }),
    bosTokenId: token('bos_token_id'),
    eosTokenIds: token('eos_token_id'),
  } as const;
}
