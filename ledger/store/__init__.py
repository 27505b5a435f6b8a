"""This file holds nothing: the store's rooms are `port`, `opening`, `mapper` and `keys`; the rest stands behind them."""
