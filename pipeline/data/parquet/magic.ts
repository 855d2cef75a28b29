/** Both ends of a Parquet file. */
export const PARQUET_MAGIC = 'PAR1';
