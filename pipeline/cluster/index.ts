export { observeOnSpark, type SparkObservation, type SparkOptions, type SparkProgress } from './spark.ts';
