"""Tests that need more than the packages of the ordinary test run."""
