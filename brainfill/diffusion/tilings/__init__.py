"""How a crop too large for one network call is cut, and blended inside every step."""
