"""What others have made: models, and poisoned sets of images, read without executing anything in them."""
