"""This file holds nothing: `letterbox` is where Kafka brings facts to the views, and the stock leaves them."""
