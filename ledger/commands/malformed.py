"""This file holds the error for input that cannot be read: what, where, and what was expected."""


class Malformed(Exception):
    """The command could not be understood; nothing was stored.

    Shape: `code` stable, `where` a path such as `quantity.amount`, texts in English and Chinese.
    """

    def __init__(self, code: str, where: str, en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> None:
        super().__init__(f"{where}: {en}")
        self.code = code
        self.where = where
        self._texts = {"en": en, "zh": zh}
        self._remedies = {
            "en": remedy_en or "Correct the field and send the command again; nothing was stored.",
            "zh": remedy_zh or "请更正该字段后重新发送；未存入任何数据。",
        }

    def text(self, lang: str = "en") -> str:
        return self._texts["zh" if lang == "zh" else "en"]

    def remedy(self, lang: str = "en") -> str:
        return self._remedies["zh" if lang == "zh" else "en"]
