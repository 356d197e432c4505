"""`Conditioned` draws the neurons of networks and no weight matrix."""
