/** Activations and weights of real models: [N, C, H, W] as their layers have them. */
export const activations = {
  'MobileNetV2 stem': [1, 32, 112, 112],
  'MobileNetV2 expand 1': [1, 96, 112, 112],
  'MobileNetV2 block 7': [1, 384, 14, 14],
  'MobileNetV2 last': [1, 1280, 7, 7],
  'ResNet50 stage 2': [1, 256, 56, 56],
} as const satisfies Record<string, readonly number[]>;

/** [outer, channels, inner] of weights that are quantized channel by channel. */
export const weights = {
  'MobileNetV2 depthwise 3x3': { outer: 1, channels: 960, inner: 9 },
  'ResNet50 3x3': { outer: 1, channels: 512, inner: 4608 },
  'ViT linear, by column': { outer: 768, channels: 3072, inner: 1 },
} as const;
