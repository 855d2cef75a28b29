import { didYouMean } from './near-name.ts';

/** Every operator of the standard domain up to opset 25, current or withdrawn. */
export const ONNX_OPERATORS: ReadonlySet<string> = new Set(`
  Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Bernoulli BitCast BitShift
  BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike CausalConvWithState Ceil Celu CenterCropPad Clip Col2Im Compress Concat
  ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace DequantizeLinear
  Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm
  GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid
  HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual
  LinearAttention Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
  MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot
  Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal
  RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
  ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan
  Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap
  Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt
  Squeeze StringConcat StringNormalizer StringSplit Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK
  Transpose Trilu Unique Unsqueeze Upsample Where Xor
`.trim().split(/\s+/));

/** What PyTorch calls operators by names that are not near those of ONNX. */
const IN_TORCH: ReadonlyMap<string, string> = new Map([
  ['Linear', 'Gemm or MatMul'], ['Embedding', 'Gather'], ['SiLU', 'Swish'], ['LayerNorm', 'LayerNormalization'], ['RMSNorm', 'RMSNormalization'], ['GroupNorm', 'GroupNormalization'],
  ...['BatchNorm', 'InstanceNorm'].flatMap(name => ['', '1d', '2d', '3d'].map(rank => [name + rank, `${name}alization`] as const)),
  ...['', '1d', '2d', '3d'].flatMap(rank => [[`AvgPool${rank}`, 'AveragePool'], [`AdaptiveAvgPool${rank}`, 'GlobalAveragePool'], [`AdaptiveMaxPool${rank}`, 'GlobalMaxPool']] as const),
]);

/** `; did you mean 'x'?` for a name that no ONNX operator has: the nearest, or what PyTorch calls so. */
export function didYouMeanOperator(name: string): string {
  const torch = IN_TORCH.get(name);
  return torch === undefined ? didYouMean(name, ONNX_OPERATORS) : `; PyTorch's ${name} is ${torch} there`;
}
