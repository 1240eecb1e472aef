"""What the tests share: a scripted model, the real claude, a hive of their own."""
