"""Where browsers fetch our files. Their addresses change with the content, so that they may be kept
for ever."""

from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dispatcher.web.assets import KINDS, content_of

router = APIRouter(include_in_schema=False)


@router.get("/static/{name}")
def static(name: str) -> Response:
    content = content_of(name)
    if content is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=KINDS[Path(name).suffix], headers=headers)
