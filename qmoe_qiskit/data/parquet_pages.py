"""How much room the pages of a Parquet file take once they are unpacked.

pyarrow makes room for what the header of a page states, whatever the file's metadata say. The
headers are read here first. A header is a structure in Thrift's compact protocol
(https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md), whose fields 2
and 3 are the sizes of the page (https://github.com/apache/parquet-format, parquet.thrift).
"""

from typing import Any

from qmoe_qiskit.limits import size_shown

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_DEPTH = 8


def unpacked_bytes(content: bytes, metadata: Any, at_most: int) -> int:  # noqa: ANN401 - no types
    """Return how many bytes all pages take once they are unpacked.

    Args:
        content: The file.
        metadata: A pyarrow.parquet.FileMetaData.
        at_most: The largest number that is accepted.

    Raises:
        ValueError: If it is larger, or a page cannot be found.
    """
    total = 0
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            begin = chunk.data_page_offset
            if chunk.has_dictionary_page:
                begin = min(begin, chunk.dictionary_page_offset)
            end = begin + chunk.total_compressed_size
            if not 0 <= begin <= end <= len(content):
                raise ValueError("a column lies outside the file")
            while begin < end:
                begin, unpacked = _page(content, begin)
                total += unpacked
                if total > at_most:
                    raise ValueError(
                        f"it takes more than the accepted {size_shown(at_most)} when it is unpacked"
                    )
    return total


def _page(content: bytes, begin: int) -> tuple[int, int]:
    """Return where the page after this one begins, and the unpacked size of this one."""
    reader = _Compact(content, begin)
    sizes = reader.integers()
    unpacked, packed = sizes.get(2, -1), sizes.get(3, -1)
    if unpacked < 0 or packed < 0:
        raise ValueError("the header of a page lacks a size")
    return reader.position + packed, unpacked


class _Compact:
    """Reads a structure in Thrift's compact protocol."""

    def __init__(self, content: bytes, position: int) -> None:
        self.position = position
        self._content = content

    def integers(self, depth: int = 0) -> dict[int, int]:
        """Read a structure and return its fields that are integers, by their numbers."""
        if depth > _DEPTH:
            raise ValueError("the header of a page is nested too deeply")
        found: dict[int, int] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            if kind in _INTEGERS:
                found[number] = self._integer()
            elif kind not in {_TRUE, _FALSE}:
                self._skip(kind, depth)
        return found

    def _skip(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._varint()
        elif kind in {_TRUE, _FALSE, _BYTE}:  # as an entry of a list
            self.position += 1
        elif kind == _DOUBLE:
            self.position += 8
        elif kind == _BINARY:
            size = self._varint()  # moves the position itself
            self.position += size
        elif kind == _STRUCT:
            self.integers(depth + 1)
        elif kind in {_LIST, _SET}:
            head = self._byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self._varint()):
                self._skip(head & 15, depth + 1)
        else:
            raise ValueError("the header of a page has a field of an unknown type")

    def _byte(self) -> int:
        if self.position >= len(self._content):
            raise ValueError("a page is cut off")
        self.position += 1
        return self._content[self.position - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 64, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number in the header of a page is too long")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
