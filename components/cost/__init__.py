"""What an environment in AWS costs: who is told, what is switched off, what is made ready, and estimates."""
