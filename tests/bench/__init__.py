"""Speed, each figure a ratio to a control measured in the same run; `bin/hive-check --bench` runs it by hand."""
