"""`python -m qmoe_qiskit`: the program `qmoe`."""

from qmoe_qiskit.cli import main

if __name__ == "__main__":
    main()
