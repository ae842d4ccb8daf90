"""Membership inference: can a trained model's rows be told from others by their loss?"""
