"""Clients as processes, reached over NVFlare's communication layer with certificates.

NVFlare's jobs would take two processes per site and poll for tasks, which costs seconds per round:
used are its cells (`nvflare.fuel.f3.cellnet`) and its certificates (`nvflare.lighter`).
"""
