"""Where an environment in AWS gets its images from."""
