namespace Fathom.BuiltinModel.Corpus;

/// <summary>What is true in the small world whatever the story: animals, colours, numbers, opposites, what things are for.</summary>
internal static class Knowledge
{
    private static readonly (string Thing, string Colour)[] s_colours =
    [
        ("the sky", "blue"), ("grass", "green"), ("snow", "white"), ("the sun", "yellow"), ("a tomato", "red"), ("a cherry", "red"), ("milk", "white"), ("the night", "black"),
        ("a carrot", "orange"), ("a plum", "purple"), ("a leaf", "green"), ("coal", "black"), ("a lemon", "yellow"), ("a cloud", "white"), ("the sea", "blue"), ("earth", "brown"), ("blood", "red"), ("a pumpkin", "orange"),
    ];

    private static readonly (string, string)[] s_opposites =
    [
        ("hot", "cold"), ("big", "small"), ("day", "night"), ("happy", "sad"), ("fast", "slow"), ("up", "down"), ("old", "young"), ("wet", "dry"), ("light", "dark"), ("good", "bad"),
        ("open", "closed"), ("full", "empty"), ("high", "low"), ("loud", "quiet"), ("left", "right"), ("yes", "no"), ("first", "last"), ("long", "short"), ("hard", "soft"), ("strong", "weak"),
    ];

    private static readonly (string Weather, string Advice)[] s_advice =
    [
        ("it rains", "take an umbrella and wear a coat"), ("it snows", "wear a warm coat, a hat and a scarf"), ("it is cold", "wear a warm coat and a scarf"),
        ("it is sunny", "wear a hat"), ("it is windy", "hold your hat, or fly a kite"), ("there is a storm", "stay in the house"), ("it is hot", "drink water and stay out of the sun"), ("it is dark", "take a lamp"),
    ];

    public static Exchange Draw(SeededRandom random) => random.Next(9) switch
    {
        0 or 1 => Animal(random, random.Pick(World.Animals)),
        2 => AnimalYesNo(random, random.Pick(World.Animals)),
        3 => Colour(random),
        4 or 5 => Number(random),
        6 => Opposite(random),
        7 => Use(random, random.Pick(World.Items)),
        _ => Calendar(random),
    };

    private static Exchange Animal(SeededRandom random, AnimalKind a)
    {
        string an = English.A(a.Name);
        return random.Next(6) switch
        {
            0 => new(random.Pick([$"How many legs does {an} have?", $"how many legs has {an}?", $"How many feet does {an} have?"]), $"{English.Sentence(an)} has {World.Numbers[a.Legs]} legs."),
            1 => new(random.Pick([$"Where does {an} live?", $"What is the home of {an}?", $"Where do I find {an}?"]), $"{English.Sentence(an)} lives in {a.Home}."),
            2 => new(random.Pick([$"What does {an} eat?", $"What is the food of {an}?", $"What do you give {an} to eat?"]), $"{English.Sentence(an)} eats {a.Food}."),
            3 => new(random.Pick([$"What does {an} say?", $"What sound does {an} make?", $"Which sound does {an} make?"]), a.Name == "turtle" ? "A turtle says nothing at all." : $"{English.Sentence(an)} says {a.Sound}."),
            4 => new(random.Pick([$"What colour is {an}?", $"What color is {an}?"]), $"{English.Sentence(an)} in my world is often {a.Colour}."),
            _ => new(random.Pick([$"What is {an}?", $"Tell me about {an}.", $"What do you know about {an}?", $"Do you know what {an} is?"]),
                $"{English.Sentence(an)} is an animal with {World.Numbers[a.Legs]} legs. It lives in {a.Home} and eats {a.Food}."),
        };
    }

    private static Exchange AnimalYesNo(SeededRandom random, AnimalKind a)
    {
        string an = English.A(a.Name);
        switch (random.Next(4))
        {
            case 0:
                return new($"Can {an} fly?", a.Flies ? $"Yes, {an} can fly." : $"No, {an} cannot fly.");
            case 1:
                return new($"Can {an} swim?", a.Swims ? $"Yes, {an} can swim." : $"No, {an} does not like to swim.");
            case 2:
                return new($"Is {an} an animal?", $"Yes, {an} is an animal.");
            default:
                Item item = random.Pick(World.Items);
                return new($"Is {English.A(item.Name)} an animal?", $"No, {English.A(item.Name)} is a thing.");
        }
    }

    private static Exchange Colour(SeededRandom random)
    {
        var (thing, colour) = random.Pick(s_colours);
        if (random.Chance(0.3))
        {
            string asked = random.Chance(0.5) ? colour : random.Pick(World.Colours);
            return new($"Is {thing} {asked}?", asked == colour ? $"Yes, {thing} is {colour}." : $"No, {thing} is {colour}.");
        }

        return random.Chance(0.1)
            ? new(random.Pick(["Which colours do you know?", "Name some colours.", "What colours are there?", "Name three colours."]), "I know red, blue, green, yellow, white, black, brown, orange, purple, pink and grey.")
            : new(random.Pick([$"What colour is {thing}?", $"What color is {thing}?", $"Which colour is {thing}?", $"what colour is {thing}"]), $"{English.Sentence(thing)} is {colour}.");
    }

    private static Exchange Number(SeededRandom random)
    {
        int n = 1 + random.Next(10), m = 1 + random.Next(10);
        var fruit = random.Pick(World.Fruit);
        switch (random.Next(7))
        {
            case 0:
                string counted = string.Join(", ", World.Numbers.Skip(1).Take(n + 1));
                return new(random.Pick([$"Count to {World.Numbers[n + 1]}.", $"Count from one to {World.Numbers[n + 1]}.", $"Can you count to {World.Numbers[n + 1]}?", $"Please count to {n + 1}.", $"Count from 1 to {n + 1}."]), $"{English.Sentence(counted)}.");
            case 1:
                return new(random.Pick([$"What comes after {World.Numbers[n]}?", $"Which number comes after {World.Numbers[n]}?"]), $"After {World.Numbers[n]} comes {World.Numbers[n + 1]}.");
            case 2:
                return new($"What comes before {World.Numbers[n]}?", $"Before {World.Numbers[n]} comes {World.Numbers[n - 1]}.");
            case 3:
                return new(random.Pick([$"What is {World.Numbers[n]} and {World.Numbers[m]}?", $"What is {World.Numbers[n]} plus {World.Numbers[m]}?", $"What is {n} + {m}?", $"What is {n}+{m}?", $"How much is {World.Numbers[n]} and {World.Numbers[m]}?"]),
                    $"{English.Sentence(World.Numbers[n])} and {World.Numbers[m]} is {World.Numbers[n + m]}.");
            case 4:
                Person person = random.Pick(World.People);
                return new($"{person.Name} has {English.Count(n, fruit)} and gets {World.Numbers[m]} more. How many {fruit.Many} does {person.Name} have?", $"{person.Name} has {English.Count(n + m, fruit)}.");
            case 5:
                int big = Math.Max(n, m), small = Math.Min(n, m);
                return new(random.Pick([$"What is {World.Numbers[big]} minus {World.Numbers[small]}?", $"What is {big} - {small}?"]), $"{English.Sentence(World.Numbers[big])} minus {World.Numbers[small]} is {World.Numbers[big - small]}.");
            default:
                return new($"Is {World.Numbers[n]} more than {World.Numbers[m]}?", n > m ? $"Yes, {World.Numbers[n]} is more than {World.Numbers[m]}." : $"No, {World.Numbers[n]} is not more than {World.Numbers[m]}.");
        }
    }

    private static Exchange Opposite(SeededRandom random)
    {
        var (a, b) = random.Pick(s_opposites);
        if (random.Chance(0.5))
            (a, b) = (b, a);
        return new(random.Pick([$"What is the opposite of {a}?", $"Tell me the opposite of {a}."]), $"The opposite of {a} is {b}.");
    }

    private static Exchange Use(SeededRandom random, Item item)
    {
        string an = English.A(item.Name);
        switch (random.Next(4))
        {
            case 0:
                return new(random.Pick([$"What is {an} made of?", $"What do people make {an} from?"]), $"{English.Sentence(an)} is made of {item.Material}.");
            case 1:
                var (weather, advice) = random.Pick(s_advice);
                return new(random.Pick([$"What should I do when {weather}?", $"What can I do if {weather}?", $"What should I wear when {weather}?"]), $"When {weather}, you should {advice}.");
            default:
                return new(random.Pick([$"What is {an} for?", $"What can I do with {an}?", $"What do you do with {an}?", $"Why do people need {an}?"]), $"With {an} you can {item.Use}.");
        }
    }

    private static Exchange Calendar(SeededRandom random)
    {
        int day = random.Next(7);
        string name = World.Days[day], next = World.Days[(day + 1) % 7], before = World.Days[(day + 6) % 7];
        return random.Next(5) switch
        {
            0 => new($"Which day comes after {name}?", $"After {name} comes {next}."),
            1 => new($"Which day comes before {name}?", $"Before {name} comes {before}."),
            2 => new(random.Pick(["How many days are in a week?", "How many days does a week have?"]), "A week has seven days."),
            3 => new(random.Pick(["Name the days of the week.", "What are the days of the week?"]), "The days of the week are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."),
            _ => new(random.Pick(["Which animals do you know?", "Name some animals.", "What animals live on a farm?"]), "I know dogs, cats, foxes, rabbits, bears, ducks, owls, frogs, mice, horses, goats, sheep, hens, cows and pigs."),
        };
    }
}
