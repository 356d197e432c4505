"""Networks whose neurons are drawn and whose weight matrices are not."""
