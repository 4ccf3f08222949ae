/**
 * The text whose token ids tell how a tokenizer splits texts into words: llama.cpp's converter names pre-tokenizers by the
 * SHA-256 of their list, so that the same text has to be encoded here.
 */
export const checkText =
  "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶‍🌫️ (multiple emojis concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, 'D you like some tea? We'Ve a'lL";

/** Names of pre-tokenizers in llama.cpp by the SHA-256 of the ids of the check text, as Python prints the list. */
export const preTokenizersByHash: Readonly<Record<string, string>> = {
  '0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5': 'llama-bpe',
  '049ecf7629871e3041641907f3de7c733e4dbfdc736f57d882ba0b0845599754': 'deepseek-llm',
  '347715f544604f9118bb75ed199f68779f423cabb20db6de6f31b908d04d7821': 'deepseek-coder',
  '877081d19cf6996e2c4ff0e1236341e9b7bde288f5311a56a937f0afbbb3aeb5': 'deepseek-v3',
  b3f499bb4255f8ca19fccd664443283318f2fd2414d5e0b040fbdd0cc195d6c5: 'deepseek-r1-qwen',
  e636dc30a262dcc0d8c323492e32ae2b70728f4df7dfe9737d9f920a282b8aea: 'qwen2',
  d4540891389ea895b53b399da6ac824becc30f2fba0e9ddbb98f92e55ca0e97c: 'qwen2',
  '1444df51289cfa8063b96f0e62b1125440111bc79a52003ea14b6eac7016fd5f': 'qwen35',
  d30d75d9059f1aa2c19359de71047b3ae408c70875e8a3ccf8c5fba56c9d8af4: 'qwen35',
  b6dc8df998e1cfbdc4eac8243701a65afe638679230920b50d6f17d81c098166: 'olmo',
  '3ce83efda5659b07b1ad37ca97ca5797ea4285d9b9ab0dc679e4a720c9da7454': 'gpt-2',
  '0fe1cf6eda062318a1af7270f3331a85c539a01778ff948e24388e949c5282f4': 'gpt-2',
  ccc2ef013c104be7bae2965776d611e1d7a8a2a9c547dd93a682c9a9fc80352e: 'gpt-4o',
  '63b97e4253352e6f357cc59ea5b583e3a680eaeaf2632188c2b952de2588485e': 'tekken',
  '0e9433cbbb161f89e264eb32e8e64bfe69e834973ffca5d41d3948a604a3e2a3': 'pixtral',
  b6e8e1518dc4305be2fe39c313ed643381c4da5db34a98f6a04c093f8afbe99b: 'chatglm-bpe',
  '81d72c7348a9f0ebe86f23298d37debe0a5e71149e29bd283904c02262b27516': 'chatglm-bpe',
  a1336059768a55c99a734006ffb02203cd450fed003e9a71886c88acf24fdbc2: 'glm4',
  '9ca2dd618e8afaf09731a7cf6e2105b373ba6a1821559f258b272fe83e6eb902': 'glm4',
  cdf5f35325780597efd76153d4d1c16778f766173908894c04afc20108536267: 'glm4',
  '7e57df22b1fe23a7b1e1c7f3dc4e3f96d43a4eb0836d0c6bdc3436d7b2f1c664': 'hunyuan',
  bba3b3366b646dbdded5dbc42d59598b849371afc42f7beafa914afaa5b70aa6: 'hunyuan-dense',
  '81212dc7cdb7e0c1074ca62c5aeab0d43c9f52b8a737be7b12a777c953027890': 'kimi-k2',
  '9c2227e4dd922002fb81bde4fc02b0483ca4f12911410dee2255e4987644e3f8': 'command-r',
  a8594e3edff7c29c003940395316294b2c623e09894deebbc65f33f1515df79e: 'dbrx',
  d353350c764d8c3b39c763113960e4fb4919bea5fbf208a0e3b22e8469dc7406: 'llama4',
  '169bf0296a13c4d9b7672313f749eb36501d931022de052aad6e36f2bf34dd51': 'lfm2',
  '2085e1638f6c377a0aa4ead21b27bb4cb941bf800df86ed391011769c1758dfb': 'exaone4',
  '6c81ce329e0802883b22eabab0d3fa48357337ef1ecb45443828bf1f6254833f': 'exaone-moe',
  '49fc0303c9e0d2c2c565c510f64b2d9b271276acdcdadff733249eda9f7d59df': 'afmoe',
  '96a5f08be6259352137b512d4157e333e21df7edd3fcd152990608735a65b224': 'bailingmoe',
  '9b1be57e70d20d9501b2b3186e792d81181ae36ada3903c26f9fea418cf87206': 'bailingmoe2',
  f4f37b6c8eb9ea29b3eac6bb8c8487c5ab7885f8d8022e67edc1c68ce8403e95: 'minimax-m2',
  '16389f0a1f51ee53e562ffd51c371dc508639ab0e4261502071836e50e223e91': 'solar-open',
  '35d91631860c815f952d711435f48d356ebac988362536bed955d43bfa436e34': 'starcoder',
  '855059429035d75a914d1eda9f10a876752e281a054a7a3d421ef0533e5b6249': 'smollm',
  ad851be1dba641f2e3711822f816db2c265f788b37c63b4e1aeacb9ee92de8eb: 'gigachat',
};

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const other = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The same by the regular expression that words are split by, for vocabularies that are nobody's else. */
export const preTokenizersByPattern: Readonly<Record<string, string>> = {
  [String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|${other}`]: 'qwen2',
  [String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|${other}`]: 'llama-bpe',
};
