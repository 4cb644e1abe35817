"""Gates: whether a wave goes on, holds or goes back, judged from measurements of three layers."""
