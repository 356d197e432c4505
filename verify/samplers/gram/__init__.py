"""Networks of which only norms and inner products are drawn."""
