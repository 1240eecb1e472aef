"""What we talk about; pure: no input, no output, no clock."""
