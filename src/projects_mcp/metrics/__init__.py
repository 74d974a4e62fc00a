"""What is counted for operators: plain numbers in memory, which whoever serves metrics reads."""
