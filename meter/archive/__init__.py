"""Raw events in Parquet files: written and verified before they are dropped, read by drill-down and by the verifier."""
