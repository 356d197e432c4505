"""The modules of this folder solve means of observables: in numbers, in closed form, in every
limit."""
