"""The OpenAPI 3.1 document of all functions, from their routes and models.

Made when the project is built (`make openapi`), never while it serves: the docs function sends the committed file.
"""

from shared.openapi.document import Documented, document

__all__ = ["Documented", "document"]
