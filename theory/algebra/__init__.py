"""The modules of this folder do exact algebra and know no network: fields, sums of powers,
series, signs."""
