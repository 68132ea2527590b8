"""What the training scripts are made of."""
