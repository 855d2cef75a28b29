// The simulation: the class whose steps import what they need.
export type { ExportOptions, QuantSimOptions, Samples, SimEvaluateOptions, TraceSourceOptions } from './options.ts';
export { QuantSim } from './quant-sim.ts';
