"""Files of surrogates: tensors and a text in safetensors' format, checked when they are read."""
