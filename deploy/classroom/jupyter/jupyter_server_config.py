"""The settings of every student's server."""

from errno import EDQUOT, ENOSPC

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

FULL = (
    "There is no room left in your home, so this was not saved. Delete what you no longer need, "
    "and save again. 你的家目錄沒有空間了，所以這次沒有存檔：請刪除不需要的檔案，再存一次。"
)


class Contents(AsyncLargeFileManager):
    """Files, and a clear word where there is no room for them."""

    async def save(self, model, path=""):
        """Save; what was there before stays where that cannot be done."""
        try:
            return await super().save(model, path)
        except HTTPError as error:
            if getattr(error.__context__, "errno", None) in (EDQUOT, ENOSPC):
                raise HTTPError(507, FULL) from None
            raise


HOUR = 3600

c = get_config()  # noqa: F821 (Jupyter defines it)

# Who is idle for an hour gives the memory back: first the kernels, then the server. Files stay.
c.MappingKernelManager.cull_idle_timeout = HOUR
c.MappingKernelManager.cull_connected = True
c.ServerApp.shutdown_no_activity_timeout = HOUR

c.ServerApp.contents_manager_class = Contents
# What goes to the trash still fills the home.
c.FileContentsManager.delete_to_trash = False

# What nobody here needs makes each server larger, and later.
c.ServerApp.jpserver_extensions = {
    "jupyter_lsp": False,
    "nbgrader.server_extensions.formgrader": False,
    "nbgrader.server_extensions.course_list": False,
    "notebook": False,
}
