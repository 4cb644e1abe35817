"""What Argo CD delivers, to whom, and when it may: projects, and an ApplicationSet a cell."""
