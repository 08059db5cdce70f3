namespace Fathom.BuiltinModel.Corpus;

/// <summary>A person of the small world.</summary>
internal sealed record Person(string Name, bool IsGirl)
{
    public string He => IsGirl ? "she" : "he";

    public string CapitalHe => IsGirl ? "She" : "He";

    public string Him => IsGirl ? "her" : "him";

    public string His => IsGirl ? "her" : "his";

    public string Child => IsGirl ? "girl" : "boy";
}

/// <summary>A kind of animal: where it lives, what it eats, what it says, what it can do.</summary>
internal sealed record AnimalKind(string Name, string Home, string Food, string Sound, int Legs, bool Flies, bool Swims, string Colour);

/// <summary>Something to carry: what it is for and what it is made of.</summary>
internal sealed record Item(string Name, string Use, string Material);

/// <summary>A place with its preposition ("in the park") and a spot where things hide ("under the old bench").</summary>
internal sealed record Place(string Preposition, string Name, string[] Spots)
{
    public string At => $"{Preposition} the {Name}";

    public string The => $"the {Name}";
}

/// <summary>Weather: an adjective, what it does, and what one feels in it.</summary>
internal sealed record Weather(string Adjective, string Sentence, bool IsFair);

/// <summary>Everything there is in the small world. Order matters only in that changing it changes the corpus.</summary>
internal static class World
{
    public static IReadOnlyList<Person> People { get; } =
    [
        .. "Lily Mia Anna Ella Lucy Rosa Nina Ruby Clara Ivy Emma Grace Zoe Ada Nora May Rose Amy Sara Kate".Split(' ').Select(n => new Person(n, true)),
        .. "Tom Ben Sam Max Jack Leo Finn Theo Oscar Hugo Noah Adam Paul Felix Will Tim Dan Luke Peter Otto".Split(' ').Select(n => new Person(n, false)),
    ];

    public static IReadOnlyList<AnimalKind> Animals { get; } =
    [
        new("dog", "a house", "meat", "woof", 4, false, true, "brown"),
        new("cat", "a house", "fish", "meow", 4, false, false, "grey"),
        new("fox", "the forest", "mice and berries", "yip", 4, false, false, "red"),
        new("rabbit", "the meadow", "carrots and grass", "squeak", 4, false, false, "white"),
        new("bear", "the forest", "honey and berries", "roar", 4, false, true, "brown"),
        new("duck", "the pond", "bread and plants", "quack", 2, true, true, "white"),
        new("owl", "an old tree", "mice", "hoot", 2, true, false, "brown"),
        new("frog", "the pond", "flies", "croak", 4, false, true, "green"),
        new("mouse", "a small hole", "cheese and seeds", "squeak", 4, false, false, "grey"),
        new("hedgehog", "the garden", "worms and apples", "sniff", 4, false, false, "brown"),
        new("squirrel", "a tall tree", "nuts", "chatter", 4, false, false, "red"),
        new("horse", "the barn", "hay and apples", "neigh", 4, false, true, "black"),
        new("goat", "the farm", "grass", "baa", 4, false, false, "white"),
        new("sheep", "the farm", "grass", "baa", 4, false, false, "white"),
        new("hen", "the farm", "corn", "cluck", 2, false, false, "brown"),
        new("cow", "the farm", "grass", "moo", 4, false, false, "black and white"),
        new("pig", "the farm", "corn and apples", "oink", 4, false, false, "pink"),
        new("turtle", "the lake", "leaves", "nothing at all", 4, false, true, "green"),
        new("bird", "a nest", "seeds and worms", "tweet", 2, true, false, "blue"),
        new("bee", "a hive", "honey", "buzz", 6, true, false, "yellow and black"),
    ];

    /// <summary>Animals that may walk through a story as somebody's friend.</summary>
    public static IReadOnlyList<AnimalKind> StoryAnimals { get; } = [.. Animals.Where(a => a.Name is not ("bee" or "cow" or "pig"))];

    public static IReadOnlyList<string> PetNames { get; } = "Biscuit Pepper Daisy Buddy Coco Snow Ginger Pip Honey Berry Dot Star Shadow Sunny Nut Clover".Split(' ');

    public static IReadOnlyList<string> Colours { get; } = ["red", "blue", "green", "yellow", "white", "black", "brown", "orange", "purple", "pink", "grey"];

    public static IReadOnlyList<Item> Items { get; } =
    [
        new("ball", "play a game", "rubber"), new("kite", "fly in the wind", "paper"), new("book", "read a story", "paper"),
        new("hat", "keep the sun away", "straw"), new("key", "open a door", "metal"), new("lamp", "see in the dark", "glass"),
        new("basket", "carry fruit", "straw"), new("boat", "sail on the water", "wood"), new("drum", "make music", "wood"),
        new("scarf", "keep warm", "wool"), new("cup", "drink some milk", "clay"), new("bell", "make a sound", "metal"),
        new("map", "find the way", "paper"), new("doll", "play at home", "cloth"), new("umbrella", "stay dry in the rain", "cloth"),
        new("blanket", "keep warm at night", "wool"), new("box", "keep things safe", "wood"), new("coat", "keep warm", "wool"),
        new("flute", "make music", "wood"), new("wagon", "carry heavy things", "wood"), new("bag", "carry books", "cloth"), new("spoon", "eat soup", "metal"),
    ];

    public static IReadOnlyList<Place> Places { get; } =
    [
        new("in", "park", ["under the old bench", "behind a tall tree", "next to the fountain"]),
        new("in", "forest", ["under a big tree", "behind a bush", "in a pile of leaves"]),
        new("in", "garden", ["between the flowers", "under a bush", "next to the gate"]),
        new("on", "beach", ["in the sand", "behind a rock", "next to an old boat"]),
        new("by", "river", ["in the tall grass", "behind a rock", "under the bridge"]),
        new("by", "lake", ["in the tall grass", "next to an old boat", "behind a rock"]),
        new("on", "hill", ["behind a rock", "under a small tree", "in the tall grass"]),
        new("at", "market", ["under a table", "behind a basket of apples", "next to the bread shop"]),
        new("at", "school", ["under a desk", "behind the door", "on the stairs"]),
        new("in", "library", ["between two books", "under a chair", "behind a shelf"]),
        new("at", "farm", ["in the hay", "behind the barn", "next to the gate"]),
        new("in", "meadow", ["in the tall grass", "between the flowers", "behind a bush"]),
        new("in", "village", ["next to the well", "behind the bread shop", "on the stairs"]),
        new("by", "pond", ["in the tall grass", "under a bush", "behind a rock"]),
    ];

    public static IReadOnlyList<Place> OutdoorPlaces { get; } = [.. Places.Where(p => p.Name is not ("library" or "school" or "market"))];

    public static IReadOnlyList<string> Rooms { get; } = ["kitchen", "bedroom", "garden", "barn", "hall", "bathroom", "office", "cellar"];

    public static IReadOnlyList<string> Foods { get; } =
        ["bread", "cake", "soup", "honey", "cheese", "pie", "milk", "rice", "jam", "corn"];

    /// <summary>Food that is counted: singular, plural.</summary>
    public static IReadOnlyList<(string One, string Many)> Fruit { get; } =
        [("apple", "apples"), ("pear", "pears"), ("carrot", "carrots"), ("cookie", "cookies"), ("egg", "eggs"), ("nut", "nuts"), ("berry", "berries"), ("plum", "plums")];

    public static IReadOnlyList<Weather> Weathers { get; } =
    [
        new("sunny", "The sun was shining", true), new("warm", "The air was warm", true), new("windy", "A strong wind was blowing", true),
        new("cloudy", "There were grey clouds in the sky", true), new("rainy", "The rain was falling", false), new("snowy", "The snow was falling", false),
        new("foggy", "There was thick fog everywhere", false), new("cold", "The air was cold", false),
    ];

    public static IReadOnlyList<string> Days { get; } = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    public static IReadOnlyList<string> Numbers { get; } =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"];

    private static readonly string[] s_onsets = ["b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "dr", "st", "sh", "th"];
    private static readonly string[] s_vowels = ["a", "e", "i", "o", "u", "ay", "ee", "ia"];
    private static readonly string[] s_codas = ["", "", "", "n", "l", "s", "r", "m", "ck"];

    /// <summary>Mostly one of <see cref="People"/>; now and then somebody with an invented name, so that any name can be followed.</summary>
    public static Person DrawPerson(SeededRandom random)
    {
        if (!random.Chance(0.12))
            return random.Pick(People);
        string name = "";
        int syllables = 1 + random.Next(3);
        for (int i = 0; i < syllables; i++)
            name += random.Pick(s_onsets) + random.Pick(s_vowels);
        return new Person(English.Sentence(name + random.Pick(s_codas)), random.Chance(0.5));
    }

    public static IReadOnlyList<string> Relatives { get; } = ["mother", "father", "grandmother", "grandfather", "sister", "brother", "aunt", "uncle"];
}
