"""The EICAR test file, which every scanner detects and which does nothing."""

EICAR = bytes(
    byte ^ 0x2A
    for byte in bytes.fromhex(
        "721f650b7a0f6a6b7a711e767a70721f1e027a74031d6969031d570e6f63696b7807797e6b646e6b786e07"
        "6b647e637c63787f79077e6f797e076c63666f0b0e62016200"
    )
)
"""The EICAR test file, stored so that no scanner stumbles over this one."""
